/** Passkeys, by the browser's own JSON of WebAuthn (level 3). */
import { answer, api, type Schemas } from "../../api/client";
import type { Session } from "../../api/session";

/** Browsers that can read and write that JSON: all of them since 2025. The others have a code and a password. */
export function hasPasskeys(): boolean {
  return (
    typeof PublicKeyCredential !== "undefined" &&
    "parseRequestOptionsFromJSON" in PublicKeyCredential &&
    "parseCreationOptionsFromJSON" in PublicKeyCredential
  );
}

type Asked = Schemas["GetOptions"];
type Shown = Schemas["ShownCredentialRequest"];
type Made = Schemas["MadeCredentialRequest"];

async function shownFor(options: Asked): Promise<Shown> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    options as unknown as PublicKeyCredentialRequestOptionsJSON,
  );
  return asJson<Shown>(await navigator.credentials.get({ publicKey }));
}

function asJson<Json>(credential: Credential | null): Json {
  if (!(credential instanceof PublicKeyCredential)) throw new DOMException("no credential", "NotAllowedError");
  return credential.toJSON() as unknown as Json;
}

export async function logInByPasskey(): Promise<Session> {
  const options = await answer(api.POST("/api/v1/session/passkey/options"));
  return answer(api.POST("/api/v1/session/passkey", { body: await shownFor(options) }));
}

export async function showPasskey(): Promise<Session> {
  const options = await answer(api.POST("/api/v1/session/second-factor/passkey/options"));
  return answer(api.POST("/api/v1/session/second-factor/passkey", { body: await shownFor(options) }));
}

/** Makes one on this device. Raises a `DOMException` when the person turns away. */
export async function addPasskey(name: string, password: string): Promise<Schemas["AddedPasskey"]> {
  const options = await answer(api.POST("/api/v1/me/passkeys/options", { body: { password } }));
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    options as unknown as PublicKeyCredentialCreationOptionsJSON,
  );
  const credential = asJson<Made>(await navigator.credentials.create({ publicKey }));
  return answer(api.POST("/api/v1/me/passkeys", { body: { name, credential } }));
}
