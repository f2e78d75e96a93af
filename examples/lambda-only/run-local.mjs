// Runs the bundled handler on this machine, against `npm start` of a clone. Run as README.md says.
const missing = ['FEGORA_BROKER_ENDPOINT', 'FEGORA_ORIGIN', 'AWS_ACCESS_KEY_ID'].filter((name) => !process.env[name]);
if (missing.length > 0) {
  throw new Error(`not set: ${missing.join(', ')}. Run the two lines that \`npm start\` prints to set the variables`);
}

// The handler reads its environment when it is loaded.
const { handler } = await import('./dist/index.mjs');
console.log(await handler({ path: '/api/whoami', document: {} }));
