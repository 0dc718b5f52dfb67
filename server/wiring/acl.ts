/** The users of a node come from its configuration file's `user` lines or from the file that `aclfile` names, not from both. */
import type { Node } from '../node.ts';
import { readAclFile, writeAclFile } from '../storage/acl-file.ts';

/** Throws what keeps the node from starting. */
export function wireAcl(node: Node): void {
  const { acl, settings } = node;
  const name = settings.text('aclfile');
  if (name !== '' && settings.users.length > 0) {
    throw new Error(
      `aclfile ${name}: users are defined in the configuration file as well. Define either an ACL file or users in the configuration file, but not both`,
    );
  }
  const configured = acl.loadConfigured(settings.users);
  if (configured !== null) throw new Error(`Critical error while loading ACLs: ${configured}`);
  if (name === '') return;
  const content = readAclFile(name);
  const problem = 'problem' in content ? content.problem : acl.loadFile(name, content.text, null);
  if (problem !== null) throw new Error(`Aborting Valkey startup because of ACL errors: ${problem}`);
  node.rooms.aclFile = { name, read: () => readAclFile(name), write: (text) => writeAclFile(name, text) };
}
