// Parses a form body as Fegora's server does. Called by server.ts.
/** The values of a form by name. Names are in lower case. */
export type Form = ReadonlyMap<string, string>;

/**
 * Parses a body as ASP.NET Katana does, which ignores the content type. `&` is the only delimiter, and `+` is a space.
 * A part without `=` is dropped. Names ignore case. The values of a name that comes twice are joined with a comma.
 */
export function parseForm(body: string): Form {
  const form = new Map<string, string>();
  for (const part of body.split('&')) {
    const equals = part.indexOf('=');
    if (equals < 0) {
      continue;
    }
    const name = unescapeText(part.slice(0, equals)).trimStart().toLowerCase();
    const value = unescapeText(part.slice(equals + 1));
    const before = form.get(name);
    form.set(name, before === undefined ? value : `${before},${value}`);
  }
  return form;
}

/** Decodes percent escapes. Escapes that are not UTF-8 stay as they are, as in .NET's `Uri.UnescapeDataString`. */
function unescapeText(text: string): string {
  return text.replaceAll('+', ' ').replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run;
    }
  });
}
