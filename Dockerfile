# The images of keyherd: `docker build --target server .` and `docker build --target operator .`; `workload` is the checker of the tests.
#
# BASE_IMAGE is any image with Node 26, bash and a user of id 1000 allowed to be; building from a plain checkout needs npm
# in it too. A machine that cannot reach a package registry from a build hands the production modules in, as the folder
# `given/` of the context (e2e/image.ts does that); then the build needs no network. Nothing here needs BuildKit.
ARG BASE_IMAGE=node:26-slim

# What runs is JavaScript: Node strips the types of a checkout's TypeScript by itself, but not under node_modules.
FROM ${BASE_IMAGE} AS build
WORKDIR /keyherd
# The pattern lets a context without `given` pass.
COPY package.json package-lock.json given* ./given/
RUN if [ -d given/production ]; then mv given/production node_modules; \
    else cd given && npm ci --omit=dev --ignore-scripts --no-audit --no-fund && mv node_modules ..; fi
COPY tools/build.ts ./tools/
COPY server ./server/
COPY operator ./operator/
COPY e2e/workload ./e2e/workload/
RUN node tools/build.ts

# The node. Its arguments are valkey-server's: a configuration file, then --directive value.
FROM ${BASE_IMAGE} AS server
WORKDIR /keyherd
COPY package.json ./
COPY --from=build /keyherd/node_modules ./node_modules/
COPY --from=build /keyherd/dist/server ./dist/server/
USER 1000:1000
WORKDIR /data
EXPOSE 6379 16379
STOPSIGNAL SIGTERM
# Node is process 1 and handles SIGTERM itself: a primary hands over before it ends.
ENTRYPOINT ["node", "/keyherd/dist/server/main.js"]

FROM ${BASE_IMAGE} AS operator
WORKDIR /keyherd
COPY package.json ./
COPY --from=build /keyherd/node_modules ./node_modules/
COPY --from=build /keyherd/dist/operator ./dist/operator/
USER 1000:1000
EXPOSE 8080
ENTRYPOINT ["node", "/keyherd/dist/operator/main.js"]

# The workload checker stands apart: it brings a client library that no user of the operator should have to carry or to patch.
FROM ${BASE_IMAGE} AS workload
WORKDIR /keyherd
COPY package.json package-lock.json given* ./given/
RUN mv given/package.json . && if [ -d given/workload ]; then mv given/workload node_modules; \
    else mv given/package-lock.json . && npm ci --ignore-scripts --no-audit --no-fund; fi; rm -rf given
COPY --from=build /keyherd/dist/e2e/workload ./dist/e2e/workload/
USER 1000:1000
ENTRYPOINT ["node", "/keyherd/dist/e2e/workload/main.js"]
