/**
 * The environment of scripts, built inside a fresh Lua state by a chunk of Lua: which globals there are, and that none of it can be
 * changed. Source: Valkey 9.1 modules/lua/script_lua.c, engine_lua.c, function_lua.c.
 *
 * Valkey's Lua has tables with a read-only flag. Lua 5.1 has not, so what a script sees of a protected table is an empty proxy that
 * reads from it and refuses writes; the functions that look past metatables (pairs, next, rawget, rawset, getmetatable,
 * setmetatable) are host functions that know the proxies by the tables `shown` and `metas`.
 */

/**
 * Arguments: the host functions by library, whether functions (not EVAL) run here, whether lua-enable-insecure-api is on.
 * Returns: the globals a script sees, the table behind them, the error handler, the metatable of the globals,
 * the globals while a library loads, `shown` (proxy → table behind) and `metas` (metatable → what getmetatable shows, or false).
 */
export const SANDBOX_SOURCE = `
local host, forFunctions, insecure = ...
local G, next, type, tostring, getmetatable, setmetatable = _G, next, type, tostring, getmetatable, setmetatable
local setTypeMetatable = debug.setmetatable
local getinfo, pcall, concat, loadstring = debug.getinfo, pcall, table.concat, loadstring

for _, name in next, {'debug', 'print', 'dofile', 'loadfile', 'require', 'module', 'package', 'io'} do G[name] = nil end
if not insecure then G.newproxy, G.setfenv, G.getfenv = nil, nil, nil end
for library, functions in next, host.libraries do
  local t = G[library] or {}
  for name, f in next, functions do t[name] = f end
  G[library] = t
end
for name, f in next, host.globals do G[name] = f end
G.redis = G.server

local function errorHandler(err)
  local i = getinfo(2, 'nSl')
  if i and i.what == 'C' then i = getinfo(3, 'nSl') end
  if type(err) ~= 'table' then err = {err = 'ERR ' .. tostring(err)} end
  if i then
    err['source'] = i.source
    err['line'] = i.currentline
  end
  return err
end
if not forFunctions then
  G.__server__err__handler, G.__redis__err__handler = errorHandler, errorHandler
end

local load = G.loadstring
G.load = function(read, name)
  local parts = {}
  while true do
    local ok, part = pcall(read)
    if not ok then return nil, part end
    if part == nil or part == '' then break end
    if type(part) ~= 'string' and type(part) ~= 'number' then return nil, 'reader function must return a string' end
    parts[#parts + 1] = part
  end
  return load(concat(parts), name or '=(load)')
end

local shown, metas, proxies = {}, {}, {}
local function protect(real)
  local proxy = proxies[real]
  if proxy then return proxy end
  proxy = {}
  proxies[real], shown[proxy] = proxy, real
  for key, value in next, real do
    if type(value) == 'table' then real[key] = protect(value) end
  end
  local behind = getmetatable(real)
  local meta = {__index = real, __newindex = host.refuse}
  metas[meta] = behind and protect(behind) or false
  setmetatable(proxy, meta)
  return proxy, meta
end

local strings = getmetatable('')
setmetatable(G, {__index = host.missing})
local globals, globalsMeta = protect(G)
metas[strings] = protect(strings)
local userdata = {__tostring = host.userdataText}
setTypeMetatable(host.null, userdata)
metas[userdata] = false

local loading
if forFunctions then
  local server = {register_function = host.registerFunction}
  for name, value in next, shown[G.server] do
    if name == 'log' or type(value) ~= 'function' and name:sub(1, 5) ~= 'REPL_' then server[name] = value end
  end
  setmetatable(server, {__index = host.missing})
  loading = {server = protect(server), redis = protect(server)}
  setmetatable(loading, {__index = host.missing})
end
return globals, G, errorHandler, globalsMeta, loading, shown, metas
`;
