/** The API of the academy at this address, typed by its own schema. */
import createClient, { type Middleware } from "openapi-fetch";

import i18n from "../i18n";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** A refusal of the API, in the words of the API, which speaks the reader's language. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly attr: string | null,
  ) {
    super(detail);
  }
}

/** No answer: no network, or a server that is away. Worth trying again as it is. */
export class Unreachable extends Error {}

let csrfToken = "";
let onSignedOut: () => void = () => {};

/** The token that every answer with a session brings; what writes carries it. */
export function keepCsrfToken(token: string): void {
  csrfToken = token;
}

/** Whom to tell that an answer said nobody is signed in any more. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export function requestHeaders(): Record<string, string> {
  return { "Accept-Language": i18n.language, "X-CSRFToken": csrfToken };
}

const speaking: Middleware = {
  onRequest({ request }) {
    // Opened without a network there is no token yet: what is refused for its lack was not refused for what it is.
    if (!csrfToken && !["GET", "HEAD"].includes(request.method)) throw new Unreachable("no session yet");
    for (const [name, value] of Object.entries(requestHeaders())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return;
    const refused = await refusalOf(response);
    if (refused instanceof Refused && refused.status === 401 && refused.code === "not_authenticated") onSignedOut();
    throw refused;
  },
  onError({ error }) {
    return new Unreachable(String(error));
  },
};

async function refusalOf(response: Response): Promise<Refused | Unreachable> {
  const body: unknown = await response.json().catch(() => null);
  const first = (body as Schemas["ErrorEnvelope"] | null)?.errors?.[0];
  if (!first || response.status >= 500) return new Unreachable(`HTTP ${response.status}`);
  return new Refused(response.status, first.code, first.detail, first.attr);
}

export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });
api.use(speaking);

/** The body of an answer that has one. Refusals have been thrown before. */
export async function answer<Body>(asked: Promise<{ data?: Body }>): Promise<Body> {
  const { data } = await asked;
  return data as Body;
}
