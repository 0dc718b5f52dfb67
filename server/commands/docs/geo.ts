/** Documentation of the commands on places. Source: Valkey 9.1 COMMAND DOCS. */
import type { CommandDocs } from './doc.ts';

const POINT = 'longitude:double latitude:double';
const UNIT = 'unit<M | KM | FT | MI>';
const ORDER = '[order<ASC | DESC>]';
const WITH = '[WITHCOORD] [WITHDIST] [WITHHASH]';
const COUNT = '[count-block(COUNT=count:integer [ANY])]';

const RADIUS_BEFORE_COUNT = `radius:double ${UNIT} ${WITH}`;
const AROUND_POINT = `key ${POINT} ${RADIUS_BEFORE_COUNT} [count-block(COUNT=count:integer [ANY@6.2.0])] ${ORDER}`;
const AROUND_MEMBER = `key member ${RADIUS_BEFORE_COUNT} ${COUNT} ${ORDER}`;
const RADIUS_STORE = '[store<STORE=storekey:key1/key | STOREDIST=storedistkey:key2/key>]';
const RADIUS_COMPLEXITY =
  'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.';
const RADIUS_HISTORY = [
  ['6.2.0', 'Added the `ANY` option for `COUNT`.'],
  ['7.0.0', 'Added support for uppercase unit names.'],
] as const;

const SHAPE = `[from<FROMMEMBER=member | FROMLONLAT=fromlonlat(${POINT})>] by<circle(BYRADIUS=radius:double ${UNIT}) | box(BYBOX=width:double height:double ${UNIT}) | polygon(BYPOLYGON=num-vertices:integer vertices(${POINT})...)@9.0.0>`;
const SEARCH_COMPLEXITY =
  'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape';
const SEARCH_HISTORY = [
  ['7.0.0', 'Added support for uppercase unit names.'],
  ['9.0.0', 'Added support for the BYPOLYGON option.'],
] as const;

export const geoDocs: CommandDocs = {
  geoadd: {
    complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
    syntax: `key [condition<NX | XX>@6.2.0] [CH~change@6.2.0] data(${POINT} member)...`,
    history: [['6.2.0', 'Added the `CH`, `NX` and `XX` options.']],
  },
  geodist: { complexity: 'O(1)', syntax: `key member1 member2 [${UNIT}]` },
  geohash: { complexity: 'O(1) for each member requested.', syntax: 'key [member]...' },
  geopos: { complexity: 'O(1) for each member requested.', syntax: 'key [member]...' },
  georadius: {
    complexity: RADIUS_COMPLEXITY,
    syntax: `${AROUND_POINT} ${RADIUS_STORE}`,
    history: RADIUS_HISTORY,
  },
  georadius_ro: { complexity: RADIUS_COMPLEXITY, syntax: AROUND_POINT, history: RADIUS_HISTORY },
  georadiusbymember: {
    complexity: RADIUS_COMPLEXITY,
    syntax: `${AROUND_MEMBER} ${RADIUS_STORE}`,
    history: RADIUS_HISTORY,
  },
  georadiusbymember_ro: { complexity: RADIUS_COMPLEXITY, syntax: AROUND_MEMBER, history: RADIUS_HISTORY },
  geosearch: {
    complexity: SEARCH_COMPLEXITY,
    syntax: `key ${SHAPE} ${ORDER} ${COUNT} ${WITH}`,
    history: SEARCH_HISTORY,
  },
  geosearchstore: {
    complexity: SEARCH_COMPLEXITY,
    syntax: `destination:key source:key1 ${SHAPE} ${ORDER} ${COUNT} [STOREDIST]`,
    history: SEARCH_HISTORY,
  },
};
