/**
 * The file of a thread or a process, beside the module that starts it. Runs from source and compiled alike: it ends as that one.
 * @param of `import.meta.url` of that module.
 * @param name without an ending, as in `./worker`.
 */
export const beside = (of: string, name: `./${string}`): URL =>
  new URL(`${name}${of.endsWith('.ts') ? '.ts' : '.js'}`, of)
