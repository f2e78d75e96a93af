// Stops a command of package.json in one line if this Node cannot run the project. It runs in any Node, so it is not TypeScript.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

// Before 24.2, Node has no `import.meta.main`, and before 22.18 it does not run TypeScript.
if (major < 24 || (major === 24 && minor < 2)) {
  console.error(
    `This is Node ${process.versions.node}, and the project needs 24.2 or later. \`npm ci\` installs one for Linux, Windows and Macs with Intel, but not with \`--omit=optional\`; elsewhere, install the version in .node-version.`,
  );
  process.exitCode = 1;
}
