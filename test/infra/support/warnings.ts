// Collects the warnings and remarks of constructs. Called by the tests of infra.
import type { IConstruct } from 'constructs';

/** Returns the warnings of a construct and of everything in it. */
export function warningsOf(construct: IConstruct): string[] {
  return annotationsOf(construct, 'warning');
}

/** Returns what synth says of a construct and of everything in it, without warning of it. */
export function remarksOf(construct: IConstruct): string[] {
  return annotationsOf(construct, 'info');
}

function annotationsOf(construct: IConstruct, kind: 'warning' | 'info'): string[] {
  return construct.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata.filter(({ type }) => type === `aws:cdk:${kind}`).map(({ data }) => String(data)),
    );
}
