// The rules for a request to Fegora: methods, paths and headers. Called by function/event.ts, and by task.ts at synth; event.test.ts tests them.

/** The methods that a request can have. */
export type Method = 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'POST' | 'PATCH';

/** Whether a second request has the same effect as one. */
const repeatable: Readonly<Record<Method, boolean>> = {
  GET: true,
  HEAD: true,
  PUT: true,
  DELETE: true,
  POST: false,
  PATCH: false,
};

/** Returns true if the text is a method, in upper case. */
export function isMethod(text: unknown): text is Method {
  return typeof text === 'string' && Object.hasOwn(repeatable, text);
}

/**
 * Returns true if a request may be sent again although it may have arrived.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
 */
export function isRepeatable(method: Method): boolean {
  return repeatable[method];
}

const pathPattern = /^\/(?!\/)(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/;

/**
 * Returns what is wrong with a path, or undefined. A path stays below the origin, and means to every server what its text
 * says: no host, no dot segment, no encoded slash, no query. The token endpoint is refused: an answer of it is a token.
 */
export function pathFault(path: unknown): string | undefined {
  if (typeof path !== 'string' || !pathPattern.test(path) || path.length > 2000) {
    return 'must begin with one slash and have only characters of a URL path: no ? and no #, and others encoded as in %20. Put the query into query';
  }
  if (/%(?:2f|5c|0\w|1\w|7f|25[0-9a-f]{2})/i.test(path)) {
    return 'must not have an encoded slash, backslash or control character, nor be encoded twice';
  }
  const segments = decoded(path)?.split('/');
  if (segments === undefined) {
    return 'must be UTF-8 where it is encoded';
  }
  if (segments.some((segment) => /^\.{1,2}$/.test(segment))) {
    return 'must not have the segments . and ..';
  }
  return segments.some((segment) => /^token(?:[;. ]|$)/i.test(segment))
    ? 'must not be that of the token endpoint: only the broker logs in'
    : undefined;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/**
 * Headers that belong to the function or to the connection. Some servers take the method or the path from a header: the
 * request would then not be what its members say.
 */
const reserved =
  /^(?:authorization|host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|cookie|accept-encoding|proxy-.*|x-http-method(?:-override)?|x-method-override|x-(?:original|rewrite)-url)$/;

/** Returns what is wrong with the name of a header in lower case, or undefined. */
export function headerFault(name: string): string | undefined {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
    return 'has a name that no header can have';
  }
  return reserved.test(name) ? 'is set by the function or not at all' : undefined;
}
