// Collects the warnings of constructs. Called by the tests of infra.
import type { IConstruct } from 'constructs';

/** Returns the annotations of a construct and of everything in it. */
export function warningsOf(construct: IConstruct): string[] {
  return construct.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata.filter(({ type }) => type === 'aws:cdk:warning').map(({ data }) => String(data)),
    );
}
