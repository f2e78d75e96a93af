// Makes the event of one call. Called by all cases that make calls.
import { randomUUID } from 'node:crypto';
import { localCallers } from '../local/gateway/callers.ts';
import { proxyEvent } from '../local/gateway/event.ts';

/** The event of API Gateway for `POST /token`, as the local gateway makes it. The peers read only the caller in it. */
export function tokenEvent(): object {
  const headers = { Host: 'localhost', 'User-Agent': 'bench', Accept: '*/*', 'X-Amz-Date': '20261124T120000Z' };
  const request = {
    method: 'POST',
    path: '/token',
    query: [],
    headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    rawHeaders: Object.entries(headers).flat(),
    body: Buffer.alloc(0),
    requestId: randomUUID(),
    sourceIp: '127.0.0.1',
    arrivedAt: Date.now(),
  };
  return proxyEvent(request, { resource: '/token', pathParameters: null }, localCallers('bench').all);
}
