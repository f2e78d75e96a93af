// Makes the widgets of the dashboard, each in one form. Called by dashboard.ts.
import {
  type Alarm,
  AlarmStatusWidget,
  AlarmStatusWidgetSortBy,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  TextWidget,
  TextWidgetBackground,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';

/** The whole width of a dashboard, in units of its grid. */
const fullWidth = 24;

/** One line above a row: the question that the row answers, and what a good answer looks like. */
export function question(text: string, good: string): IWidget {
  return new TextWidget({
    markdown: `**${text}** ${good}`,
    width: fullWidth,
    height: 1,
    background: TextWidgetBackground.TRANSPARENT,
  });
}

/** What a graph may have besides its lines. */
export interface GraphOptions {
  /** Units of the grid. Default 8. */
  readonly width?: number;
  /** Lines that have an axis of their own, on the right. */
  readonly right?: readonly IMetric[];
  /** Whether the lines are stacked areas. Default false. */
  readonly stacked?: boolean;
  /** Unit of the values, as the label of the axis. */
  readonly unit?: string;
  /** The alarm whose threshold is drawn as a line. None if the settings leave the alarm out. */
  readonly alarm?: Alarm | undefined;
}

/** A graph that begins at 0. */
export function graph(title: string, left: readonly IMetric[], options: GraphOptions = {}): IWidget {
  const { width = 8, right = [], stacked = false, unit, alarm } = options;
  const axis = { min: 0, showUnits: false };
  return new GraphWidget({
    title,
    width,
    height: 5,
    left: [...left],
    leftYAxis: { ...axis, ...(unit !== undefined && { label: unit }) },
    ...(right.length > 0 && { right: [...right], rightYAxis: axis }),
    stacked,
    ...(alarm !== undefined && { leftAnnotations: [{ ...alarm.toAnnotation(), label: 'alarm' }] }),
  });
}

/** The result of a query on a log, as a table. CloudWatch runs the query each time someone opens the dashboard. */
export function table(title: string, width: number, log: ILogGroup, queryLines: readonly string[]): IWidget {
  return new LogQueryWidget({
    title,
    width,
    height: 5,
    logGroupNames: [log.logGroupName],
    queryLines: [...queryLines],
  });
}

/** A widget takes this many alarms. */
const mostAlarms = 100;

/** The states of alarms, those that ring first: a list, because there is no widget without an alarm. */
export function alarmStates(title: string, alarms: readonly Alarm[]): IWidget[] {
  const sortBy = AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP;
  const height = alarms.length > 6 ? 3 : 2;
  const parts = Array.from({ length: Math.ceil(alarms.length / mostAlarms) }, (_, index) =>
    alarms.slice(index * mostAlarms, (index + 1) * mostAlarms),
  );
  return parts.map((part) => new AlarmStatusWidget({ title, alarms: part, sortBy, width: fullWidth, height }));
}
