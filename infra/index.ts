// What the package exports: constructs for AWS CDK apps. Imported by users' stacks.
// biome-ignore-all lint/performance/noBarrelFile: what this file exports is what a release promises to keep
export { TokenBroker } from './token-broker.ts';
