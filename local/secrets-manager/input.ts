// Reads the members of a request, and writes what answers have in common. Called by operations.ts and listing.ts.
import type { StoredSecret } from './store.ts';
import { SecretsRefusal } from './versions.ts';

/** The members of a request, by name. */
export type Input = ReadonlyMap<string, unknown>;

/** What every answer about a secret has. */
export function named({ arn, name }: StoredSecret): object {
  return { ARN: arn, Name: name };
}

/** Times in AWS JSON 1.1 are seconds with a fraction. */
export function seconds(epochMs: number): number {
  return epochMs / 1000;
}

/** Returns a text that must be there. @throws SecretsRefusal */
export function requiredText(input: Input, name: string): string {
  const given = text(input, name);
  if (given === undefined || given === '') {
    throw invalid(`You must provide ${name}.`);
  }
  return given;
}

/** Returns a text. @throws SecretsRefusal if it is something else */
export function text(input: Input, name: string): string | undefined {
  const given = input.get(name) ?? undefined;
  if (given !== undefined && typeof given !== 'string') {
    throw invalid(`${name} must be a string.`);
  }
  return given;
}

/** Returns the texts of a list. @throws SecretsRefusal if it is none, or empty */
export function texts(input: Input, name: string): string[] | undefined {
  const given = input.get(name) ?? undefined;
  if (given === undefined) {
    return undefined;
  }
  if (!Array.isArray(given) || given.length === 0) {
    throw invalid(`${name} must be a list.`);
  }
  return given.map(String);
}

/** The refusal of a member. */
export function invalid(message: string): SecretsRefusal {
  return new SecretsRefusal('InvalidParameterException', message);
}
