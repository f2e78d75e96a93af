/** A form as Fegora's server reads it: names in lower case. */
export type Form = ReadonlyMap<string, string>;

/**
 * Parses a body as ASP.NET Katana does, whatever its content type says: `&` is the only delimiter, `+` is a space, a part
 * without `=` is dropped, names ignore case, and a name that comes twice has its values joined by a comma.
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

/** Percent escapes that are no UTF-8 stay as they came, as with .NET's `Uri.UnescapeDataString`. */
function unescapeText(text: string): string {
  return text.replaceAll('+', ' ').replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run;
    }
  });
}
