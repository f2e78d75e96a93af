export { TokenBroker } from './token-broker.ts';
