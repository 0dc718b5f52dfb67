#!/usr/bin/env node
/** keyherd-server [valkey.conf] [--directive value ...]: one node, on Node 26. */
import { launch } from './launch.mjs';

launch('server/main');
