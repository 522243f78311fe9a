/** Who is signed in at which academy: the one thing that every page knows. */
import { QueryClient, queryOptions, useQuery } from "@tanstack/react-query";

import { answer, api, keepCsrfToken, Refused, type Schemas, Unreachable, whenSignedOut } from "./client";

export type Session = Schemas["Session"];
export type Person = Schemas["Person"];

/** How often a page that is looked at asks whether its person may still be here. Who is suspended is out by then. */
const ASK_AGAIN_MS = 4_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, retry: (count, error) => !(error instanceof Refused) && count < 2 },
    mutations: { retry: false },
  },
});

const REMEMBERED = "session";

/** Who is here, from the academy or, while there is no connection, as it was last: what waits can still be seen. */
async function fetchSession(): Promise<Session> {
  try {
    const session = await answer<Session>(api.GET("/api/v1/session"));
    keepCsrfToken(session.csrf_token);
    remember(session);
    return session;
  } catch (error) {
    const remembered = error instanceof Unreachable ? localStorage.getItem(REMEMBERED) : null;
    if (remembered === null) throw error;
    return JSON.parse(remembered) as Session;
  }
}

function remember(session: Session): void {
  if (session.person) localStorage.setItem(REMEMBERED, JSON.stringify({ ...session, csrf_token: "" }));
  else localStorage.removeItem(REMEMBERED);
}

/** Whether somebody was signed in here last: what is to be loaded is not known before the academy has said it. */
export function mayBeSignedIn(): boolean {
  return localStorage.getItem(REMEMBERED) !== null;
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: fetchSession,
  networkMode: "always",
  staleTime: ASK_AGAIN_MS,
  refetchInterval: (query) => (query.state.data?.person ? ASK_AGAIN_MS : false),
});

/** The session as it is now; a page that shows it is inside the part that has loaded it. */
export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

export function usePerson(): Person | null {
  return useSession()?.person ?? null;
}

export function may(person: Person | null, permission: string): boolean {
  return person?.permissions.includes(permission) ?? false;
}

/** What a log-in answered is the session from now on; nothing of whoever was here before stays. */
export function beginSession(session: Session): void {
  keepCsrfToken(session.csrf_token);
  forgetEverythingBut(session);
}

function forgetEverythingBut(session: Session): void {
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  queryClient.setQueryData(sessionQuery.queryKey, session);
  remember(session);
}

/** Nobody is signed in any more: by one's own wish, or because an answer said so. */
export function endSession(): void {
  const session = queryClient.getQueryData(sessionQuery.queryKey);
  if (session) forgetEverythingBut({ ...session, person: null });
}

whenSignedOut(endSession);
