import { expect, test } from 'vitest';
import { librariesOf, namesInQuotes } from './kubernetes-release.ts';

test('the images that kind asks for are found in its sources', () => {
  const source = `
const kindnetdImage = "docker.io/kindest/kindnetd:v2026-1"
  sandbox_image = "registry.k8s.io/pause:3.10"
var notAnImage = "docker.io/kindest"`;
  expect(namesInQuotes(source)).toEqual(['docker.io/kindest/kindnetd:v2026-1', 'registry.k8s.io/pause:3.10']);
});

test('libraries are read from the output of ldd, each once, the loader included', () => {
  const output = `/usr/sbin/nft:
	linux-vdso.so.1 (0x00007ffd)
	libnftables.so.1 => /lib/x86_64-linux-gnu/libnftables.so.1 (0x00007f01)
	/lib64/ld-linux-x86-64.so.2 (0x00007f02)
/usr/sbin/conntrack:
	libnftables.so.1 => /lib/x86_64-linux-gnu/libnftables.so.1 (0x00007f03)
`;
  expect(librariesOf(output)).toEqual(['/lib/x86_64-linux-gnu/libnftables.so.1', '/lib64/ld-linux-x86-64.so.2']);
});
