// Sends alarms to a topic. Called by alarms.ts, probe/probe.ts and requests/alarms.ts.
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';

/** Lets alarms tell the topic when they ring and when they stop. Without a topic, they are only in the console. */
export function notify(alarms: readonly Alarm[], topic: ITopic | undefined): void {
  if (topic === undefined) {
    return;
  }
  for (const alarm of alarms) {
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
  }
}
