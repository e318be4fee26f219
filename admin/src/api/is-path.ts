/** Whether this is a page of the dashboard at `origin`, and of no other host, as a browser reads it: without tabs and line ends. */
export const isPath = (to: string, origin: string): boolean =>
  /^\/(?![/\\])/.test(to) && URL.canParse(to, origin) && new URL(to, origin).origin === origin
