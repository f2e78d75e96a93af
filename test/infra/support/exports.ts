// Finds exports that CloudFormation would refuse to delete. Called by grants/other-stack.test.ts and upgrade.test.ts.
import { asJson } from './statements.ts';

/**
 * Returns the names that the stack of the callers imports before, and that the stack of the broker no longer exports
 * after. CloudFormation deploys the stack of the broker first, and refuses to delete them.
 */
export function refusedExports(before: { readonly callers: unknown }, brokerAfter: unknown): string[] {
  const kept = exportsOf(brokerAfter);
  return importsOf(before.callers).filter((name) => !kept.has(name));
}

function exportsOf(template: unknown): ReadonlySet<string> {
  const outputs = Object.values(asJson(asJson(template).Outputs));
  return new Set(outputs.map((output) => String(asJson(asJson(output).Export ?? {}).Name)));
}

function importsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'Fn::ImportValue' ? [String(member)] : importsOf(member),
  );
}
