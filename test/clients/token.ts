/** Gives the access token that is good now: asked whenever one is needed, so that a program outlives each of them. */
export type Token = () => string | Promise<string>
