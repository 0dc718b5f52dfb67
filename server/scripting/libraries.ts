/**
 * The function libraries: their sources, and the functions they registered. Names of functions are unique among all libraries,
 * whatever their case. Source: Valkey 9.1 functions.c.
 */

export interface LibraryFunction {
  readonly name: string;
  readonly description: string | null;
  readonly flags: number;
  /** The function in the environment that loaded it. */
  reference: number;
  library: Library | null;
}

export class Library {
  readonly name: string;
  /** The whole source, its first line included. */
  readonly code: Uint8Array;
  readonly functions: readonly LibraryFunction[];

  constructor(name: string, code: Uint8Array, functions: readonly LibraryFunction[]) {
    this.name = name;
    this.code = code;
    this.functions = functions;
    for (const one of functions) one.library = this;
  }
}

const NAME = /^[a-zA-Z0-9_]+$/;

export function isValidName(name: string): boolean {
  return NAME.test(name);
}

/** A set of libraries: those of the node, or those of a dump on their way in. */
export class Libraries {
  readonly libraries: Map<string, Library> = new Map();
  /** By their names in lower case. */
  private readonly functions: Map<string, LibraryFunction> = new Map();

  get count(): number {
    return this.libraries.size;
  }

  get functionCount(): number {
    return this.functions.size;
  }

  get codeBytes(): number {
    let sum = 0;
    for (const library of this.libraries.values()) sum += library.code.length + library.name.length;
    return sum;
  }

  find(name: string): LibraryFunction | null {
    return this.functions.get(name.toLowerCase()) ?? null;
  }

  link(library: Library): void {
    this.libraries.set(library.name, library);
    for (const one of library.functions) this.functions.set(one.name.toLowerCase(), one);
  }

  unlink(library: Library): void {
    this.libraries.delete(library.name);
    for (const one of library.functions) this.functions.delete(one.name.toLowerCase());
  }

  /** A function of the library that another library has registered as well; null when there is none. */
  collision(library: Library): string | null {
    for (const { name } of library.functions) if (this.functions.has(name.toLowerCase())) return name;
    return null;
  }

  clear(): void {
    this.libraries.clear();
    this.functions.clear();
  }

  /**
   * Takes all libraries of another set in; with `replace` one of the same name gives way. Null when it is done, else why nothing
   * changed.
   */
  join(other: Libraries, replace: boolean): string | null {
    const gone: Library[] = [];
    for (const { name } of other.libraries.values()) {
      const old = this.libraries.get(name);
      if (old === undefined) continue;
      if (!replace) return `ERR Library ${name} already exists`;
      gone.push(old);
    }
    for (const old of gone) this.unlink(old);
    for (const library of other.libraries.values()) {
      const name = this.collision(library);
      if (name === null) continue;
      for (const old of gone) this.link(old);
      return `ERR Function ${name} already exists`;
    }
    for (const library of other.libraries.values()) this.link(library);
    return null;
  }
}
