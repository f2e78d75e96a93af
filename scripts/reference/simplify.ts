// Removes from the reference what users of the package cannot reach. Called by pages.ts.
import {
  type Comment,
  type DeclarationReflection,
  type ProjectReflection,
  ReferenceType,
  ReflectionKind,
} from 'typedoc';

/**
 * Removes the base classes that the package does not export, and where a member comes from. A member of a class without a
 * docblock gets that of the interface with the same name (`ITokenBroker` for `TokenBroker`), as editors show it.
 */
export function simplify(project: ProjectReflection): void {
  const declared = project.getReflectionsByKind(ReflectionKind.All) as DeclarationReflection[];
  const interfaces = new Map(
    declared.filter(({ kind }) => kind === ReflectionKind.Interface).map((one) => [one.name, one]),
  );
  for (const reflection of declared) {
    if (reflection.kind === ReflectionKind.Class) {
      inheritComments(reflection, interfaces.get(`I${reflection.name}`));
    }
  }
  for (const reflection of declared) {
    forgetOrigin(reflection);
    formatDefault(reflection.comment);
  }
}

function forgetOrigin(reflection: DeclarationReflection): void {
  delete reflection.overwrites;
  delete reflection.inheritedFrom;
  delete reflection.implementationOf;
  const bases = reflection.extendedTypes?.filter((type) => !(type instanceof ReferenceType) || isReachable(type));
  if (bases?.length === 0) {
    delete reflection.extendedTypes;
    delete reflection.typeHierarchy;
  }
}

/** Types of other packages are reachable too. */
function isReachable(type: ReferenceType): boolean {
  return type.reflection !== undefined || type.package !== 'fegora-token-broker';
}

function inheritComments(of: DeclarationReflection, from: DeclarationReflection | undefined): void {
  for (const member of of.children ?? []) {
    const described = from?.children?.find(({ name }) => name === member.name);
    setComment(member, described?.comment);
    for (const [at, signature] of (member.signatures ?? []).entries()) {
      setComment(signature, described?.signatures?.[at]?.comment);
    }
  }
}

function setComment(of: { comment?: Comment }, comment: Comment | undefined): void {
  if (of.comment === undefined && comment !== undefined) {
    of.comment = comment;
  }
}

/** The CDK writes `@default - text` if the default is not a value. A value gets backticks. */
function formatDefault(comment: Comment | undefined): void {
  for (const { tag, content } of comment?.blockTags ?? []) {
    const [first] = content;
    if (tag === '@default' && first !== undefined) {
      first.text = first.text.startsWith('- ') ? first.text.slice(2) : first.text.replace(/^[^\s`]+$/, '`$&`');
    }
  }
}
