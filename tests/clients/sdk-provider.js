// What an application keeps for the official TypeScript SDK, here in memory.

import { randomUUID } from "node:crypto";

/** The `authProvider` of a transport, for one application. */
export class Provider {
  constructor(redirectUrl) {
    this.redirectUrl = redirectUrl;
    this.states = [];
  }
  get clientMetadata() {
    return {
      client_name: "SDK test",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }
  state() {
    this.states.push(randomUUID());
    return this.states.at(-1);
  }
  clientInformation() {
    return this.information;
  }
  saveClientInformation(information) {
    this.information = information;
  }
  tokens() {
    return this.saved;
  }
  saveTokens(tokens) {
    this.saved = tokens;
  }
  redirectToAuthorization(url) {
    this.authorizationUrl = url;
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  codeVerifier() {
    return this.verifier;
  }
  saveDiscoveryState(state) {
    this.discovery = state;
  }
  discoveryState() {
    return this.discovery;
  }
}
