// Lists, describes and tags the secrets of the emulator. Called by operations.ts.
import { type Input, invalid, named, requiredText, seconds, text } from './input.ts';
import type { SecretsStore, StoredSecret } from './store.ts';

/** The most secrets in one answer of ListSecrets. */
const mostInPage = 100;

/** Whether a secret matches a value of a filter. All three compare beginnings. */
const filters: ReadonlyMap<unknown, (secret: StoredSecret, value: string) => boolean> = new Map([
  ['name', ({ name }: StoredSecret, value: string) => name.startsWith(value)],
  ['tag-key', ({ tags }: StoredSecret, value: string) => [...tags.keys()].some((key) => key.startsWith(value))],
  ['tag-value', ({ tags }: StoredSecret, value: string) => [...tags.values()].some((held) => held.startsWith(value))],
]);

/**
 * ListSecrets: a page of the secrets that match every filter.
 *
 * @throws SecretsRefusal
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
 */
export function listSecrets(store: SecretsStore, input: Input): object {
  const from = Number(text(input, 'NextToken') ?? 0);
  const most = Number(input.get('MaxResults') ?? mostInPage);
  if (!(most >= 1 && most <= mostInPage)) {
    throw invalid('MaxResults must be 1-100.');
  }
  const isShown = ({ deletedAt }: StoredSecret) =>
    deletedAt === undefined || input.get('IncludePlannedDeletion') === true;
  const wanted = objects(input, 'Filters').map(({ Key, Values }) => {
    const matches = filters.get(Key);
    if (matches === undefined || !Array.isArray(Values)) {
      throw invalid('The emulator has the filters name, tag-key and tag-value.');
    }
    return (secret: StoredSecret) => Values.some((value) => matches(secret, String(value)));
  });
  const found = store.all().filter((secret) => isShown(secret) && wanted.every((matches) => matches(secret)));
  const page = found.slice(from, from + most);
  return {
    SecretList: page.map((secret) => ({ ...named(secret), ...described(secret) })),
    ...(from + most < found.length && { NextToken: String(from + most) }),
  };
}

/** What DescribeSecret and ListSecrets both say of a secret. */
export function described({ createdAt, deletedAt, tags }: StoredSecret): object {
  return {
    CreatedDate: seconds(createdAt),
    ...(deletedAt !== undefined && { DeletedDate: seconds(deletedAt) }),
    Tags: [...tags].map(([Key, Value]) => ({ Key, Value })),
  };
}

/** TagResource. @throws SecretsRefusal */
export function tagResource(store: SecretsStore, input: Input): object {
  setTags(store.findLive(requiredText(input, 'SecretId')), input);
  return {};
}

/** Sets the tags of a request. @throws SecretsRefusal */
export function setTags(secret: StoredSecret, input: Input): void {
  for (const { Key, Value = '' } of objects(input, 'Tags')) {
    secret.tags.set(String(Key), String(Value));
  }
}

function objects(input: Input, name: string): readonly Readonly<Record<string, unknown>>[] {
  const given = input.get(name) ?? [];
  if (!Array.isArray(given)) {
    throw invalid(`${name} must be a list.`);
  }
  return given.map((member) => ({ ...Object(member) }));
}
