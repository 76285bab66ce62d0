import type { ServerResponse } from 'node:http'
import type { TopLevelCode } from '../../graphql/base/errors.ts'
import { commonHeaders } from '../engine/endpoint.ts'
import { count } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import { VERSION } from '../../version.ts'

export function setCommonHeaders(response: ServerResponse, requestId: string): void {
  const headers = commonHeaders(requestId)
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? '', headers[at + 1] ?? '')
}

export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

export async function refuseFull(
  counts: Counts,
  response: ServerResponse,
  requestId: string,
  delayRefusal: () => Promise<void> | null,
): Promise<void> {
  setCommonHeaders(response, requestId)
  await delayRefusal()
  response.setHeader('Retry-After', '1')
  refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', 'Too much is under way. Nothing was done; try again soon.')
}

/** The answer of /health: the process lives, and is of this version. */
export const HEALTHY = { status: 'alive', version: VERSION } as const

/** A refusal before GraphQL, in GraphQL's form, so that clients need one way to read errors. */
export function refuse(
  counts: Counts,
  response: ServerResponse,
  status: number,
  code: TopLevelCode,
  message: string,
  requestId?: string,
): void {
  count(counts.errors, code)
  const extensions = requestId === undefined ? { code } : { code, requestId }
  answer(response, status, { errors: [{ message, extensions }] })
}
