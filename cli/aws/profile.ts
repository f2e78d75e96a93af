// Reads AWS profiles, and refuses one that does not exist. Called by prepare.ts and aws.ts.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { environment } from '../environment.ts';
import { CommandError, exitCodes } from '../failure.ts';

type Profile = Readonly<Record<string, string | undefined>>;

/** Settings that say where the keys of a profile come from. */
const sources = [
  'aws_access_key_id',
  'credential_process',
  'credential_source',
  'login_session',
  'role_arn',
  'sso_account_id',
  'sso_session',
  'sso_start_url',
  'web_identity_token_file',
];

/**
 * Stops if a profile was named that does not exist. The SDK would take the keys of this machine then, perhaps those of another
 * AWS account.
 *
 * @throws CommandError with the profiles that there are
 */
export async function checkProfile(named: string | undefined): Promise<void> {
  // The SDK's default may have no entry.
  if (named === undefined || named === 'default') {
    return;
  }
  const profiles = await readProfiles();
  const used = usedProfiles(named, profiles);
  const missing = used.find((name) => profiles[name] === undefined);
  if (missing !== undefined) {
    const [config, credentials] = filesOfAws();
    const others = Object.keys(profiles).slice(0, 8).join(', ') || 'no profile';
    const by = missing === named ? '' : `, which ${used.at(-2)} names as source_profile,`;
    const text = `the AWS profile ${missing}${by} is neither in ${config} nor in ${credentials}`;
    throw new CommandError(exitCodes.awsCredentials, `${text}; there is: ${others}`);
  }
}

/** Returns the names of the two files, with the reason if one is there and cannot be read: the SDK takes that for no file. */
function filesOfAws(): readonly string[] {
  return [
    environment.AWS_CONFIG_FILE || '~/.aws/config',
    environment.AWS_SHARED_CREDENTIALS_FILE || '~/.aws/credentials',
  ].map((file) => {
    try {
      readFileSync(file.replace(/^~(?=\/)/, homedir()));
      return file;
    } catch (thrown) {
      const { code } = Object(thrown);
      return code === 'ENOENT' ? file : `${file}, which cannot be read (${code}),`;
    }
  });
}

/** Whether the profile says where its keys come from. If it does, no other keys may be used in their place. */
export async function hasKeys(named: string): Promise<boolean> {
  const profile = (await readProfiles())[named] ?? {};
  return sources.some((setting) => profile[setting] !== undefined);
}

async function readProfiles(): Promise<Readonly<Record<string, Profile>>> {
  const { configFile, credentialsFile } = await loadSharedConfigFiles();
  const sections = [...Object.entries(credentialsFile), ...Object.entries(configFile)];
  const profiles: Record<string, Profile> = {};
  for (const [name, section] of sections) {
    // The file also has sections such as `sso-session.name` and `services.name`.
    if (!/^(sso-session|services)\./.test(name)) {
      profiles[name] = { ...profiles[name], ...section };
    }
  }
  return profiles;
}

/** The profile, the one that it takes its role with, and so on. */
function usedProfiles(named: string, profiles: Readonly<Record<string, Profile>>): readonly string[] {
  const used: string[] = [];
  for (let next: string | undefined = named; next !== undefined && !used.includes(next); ) {
    used.push(next);
    next = profiles[next]?.source_profile;
  }
  return used;
}
