// An OpenID provider of somebody else's making (panva's oidc-provider), on loopback, in memory: the
// judge of what we ask, and the giver of what we must believe.
// OIDC_PACKAGES (where it is installed), OIDC_REDIRECT, OIDC_SECRET.  Prints its port.
// POST /test/person sets who signs in next; GET /test/asked lists requests for tokens.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const entry = pathToFileURL(process.env.OIDC_PACKAGES + '/node_modules/oidc-provider/lib/index.js');
const { default: Provider } = await import(entry);

let person = { sub: 'subject-1' };
const asked = [];
let answer = null;
const server = createServer((request, response) => answer(request, response));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const { port } = server.address();
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'telehealth',
      client_secret: process.env.OIDC_SECRET,
      redirect_uris: [process.env.OIDC_REDIRECT],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  claims: { openid: ['sub', 'email', 'email_verified', 'acr', 'amr'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['test'] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ ...person, sub: id }) }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope('openid email');
    await grant.save();
    return grant;
  },
  ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
});
const serve = provider.callback();

const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};
answer = async (request, response) => {
  if (request.url === '/test/person') {
    person = JSON.parse(await bodyOf(request));
    response.end('{}');
  } else if (request.url === '/test/asked') {
    response.end(JSON.stringify(asked));
  } else if (request.url.startsWith('/interaction/')) {
    await provider.interactionFinished(request, response, {
      login: { accountId: person.sub, amr: person.amr, acr: person.acr },
    });
  } else {
    asked.push(`${request.method} ${request.url.split('?')[0]}`);
    serve(request, response);
  }
};
console.log(port);
