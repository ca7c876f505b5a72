/**
 * What a route of the server answers.
 * @throws Error with the server's own words where it refuses, or that it does not answer.
 */
export async function fetchJson<Answer>(path: string, method = 'GET'): Promise<Answer> {
  const answer = await fetch(path, { method }).catch((reason: unknown) => { throw new Error(`The server does not answer: ${String(reason)}.`) })
  const body: unknown = answer.status === 204 ? undefined : await answer.json()
  if (answer.ok)
    return body as Answer
  throw new Error(typeof body === 'object' && body && 'detail' in body ? String(body.detail) : answer.statusText)
}
