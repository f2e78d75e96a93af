// Reads the widgets of a dashboard out of a stack, as CloudWatch would get them. Called by dashboard-picture.ts and its tests.
import type { Stack } from 'aws-cdk-lib';
import { CfnAlarm, CfnDashboard } from 'aws-cdk-lib/aws-cloudwatch';

/** One widget. Its place and size are units of a grid that is 24 wide. */
export interface Widget {
  readonly type: 'text' | 'alarm' | 'metric' | 'log';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: Properties;
}

/** What the widgets of this dashboard have. */
export interface Properties {
  readonly title?: string;
  readonly markdown?: string;
  /** ARNs; here each is the id of the alarm. */
  readonly alarms?: readonly string[];
  readonly metrics?: readonly (readonly unknown[])[];
  readonly stacked?: boolean;
  readonly yAxis?: { readonly left?: { readonly label?: string } };
  readonly annotations?: { readonly horizontal?: readonly { readonly value: number; readonly label?: string }[] };
  readonly query?: string;
}

/**
 * Returns the widgets of the only dashboard of a stack, and the time that it shows. References are replaced by the ids of what
 * they refer to.
 *
 * @throws Error if the stack has no dashboard
 */
export function readDashboard(stack: Stack): { readonly start: string; readonly widgets: readonly Widget[] } {
  const found = stack.node.findAll();
  const dashboard = found.find((one) => one instanceof CfnDashboard);
  if (dashboard === undefined) {
    throw new Error('The stack has no dashboard.');
  }
  const alarms = found.filter((one) => one instanceof CfnAlarm);
  const names = new Map(alarms.map((one) => [String(stack.resolve(one.logicalId)), one.node.scope?.node.id ?? '']));
  return JSON.parse(textOf(stack.resolve(dashboard.dashboardBody), names));
}

/** Joins what CloudFormation would join. */
function textOf(value: unknown, names: ReadonlyMap<string, string>): string {
  if (typeof value === 'string') {
    return value;
  }
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = Object(value);
  if (join === undefined) {
    const [id] = attribute ?? [ref];
    return names.get(id) ?? String(id);
  }
  const [separator, parts] = join;
  return parts.map((part: unknown) => textOf(part, names)).join(separator);
}
