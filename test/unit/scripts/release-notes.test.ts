// Tests scripts/release-notes.ts: when a tag may become a release, and with which notes.
import { describe, expect, test } from 'vitest';
import { findNotes, readEntries } from '../../../scripts/release-notes.ts';

const changelog = `# Changelog

## Unreleased

### Added

* something new

## 1.2.0 - 2026-11-30

### Fixed

* something old

## 1.1.0 - 2026-11-29

* the first
`;

test('an entry has its version, its date and its text', () => {
  expect(readEntries(changelog)).toEqual([
    { version: 'Unreleased', notes: '### Added\n\n* something new' },
    { version: '1.2.0', date: '2026-11-30', notes: '### Fixed\n\n* something old' },
    { version: '1.1.0', date: '2026-11-29', notes: '* the first' },
  ]);
});

describe('a release', () => {
  test('has the notes of its version when the tag names it', () => {
    expect(findNotes('v1.2.0', '1.2.0', changelog)).toBe('### Fixed\n\n* something old');
  });

  test.each(['1.2.0', 'v1.2', 'v1.1.0', 'v1.2.0-rc.1', ''])('is refused when the tag is %j', (tag) => {
    expect(() => findNotes(tag, '1.2.0', changelog)).toThrow('package.json has the version 1.2.0');
  });

  test.each(['1.1.0', '1.3.0'])('is refused when %s is not the newest release in the changelog', (version) => {
    expect(() => findNotes(`v${version}`, version, changelog)).toThrow(`CHANGELOG.md is not ${version}`);
  });

  test('is refused when its entry has no text', () => {
    const empty = changelog.replace('### Fixed\n\n* something old', '');

    expect(() => findNotes('v1.2.0', '1.2.0', empty)).toThrow('or it is empty');
  });
});
