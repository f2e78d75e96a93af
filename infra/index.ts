// The public API of the package `fegora-token-broker`: constructs for AWS CDK apps. Imported by users' stacks.
// biome-ignore-all lint/performance/noBarrelFile: what this file exports is what a release promises to keep

export type { AccountProps, Accounts } from './accounts.ts';
export type { ApiLogging } from './api/access-log.ts';
export type { ApiDomain } from './api/domain.ts';
export type { Throttle } from './api/stage.ts';
export type { TokenBrokerAttributes } from './imported-broker.ts';
export type { AlarmName, AlarmThresholds, AlarmTopics } from './monitoring/alarm-names.ts';
export { BrokerProbe, type BrokerProbeProps } from './probe/probe.ts';
export { FegoraRequests, type FegoraRequestsProps } from './requests/fegora-requests.ts';
export type { Method } from './requests/rules.ts';
export type { FegoraCall, FegoraTaskProps } from './requests/task.ts';
export type { LoginBudget } from './resources/environment.ts';
export { TokenBroker } from './token-broker.ts';
export type { ConnectOptions, ITokenBroker } from './token-broker-interface.ts';
export type { TokenBrokerProps } from './token-broker-props.ts';
