/**
 * Preloaded into the measured processes where there is no /proc: answers "usage" with the CPU time of the process in
 * microseconds. The channel must not keep a program alive that would end by itself.
 */
process.on('message', (message) => {
  if (message !== 'usage') return
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  process.send?.(userCPUTime + systemCPUTime)
})
process.channel?.unref()
