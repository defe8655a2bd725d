/**
 * Calls an observer that must not be able to break the call it observes: what it throws, or rejects with, is
 * reported on the console and dropped.
 */
export const notify = <T>(observer: (value: T) => unknown, value: T): void => {
  try {
    const result = observer(value)
    if (typeof result === 'object' && result !== null && 'then' in result) Promise.resolve(result).catch(report)
  } catch (error) {
    report(error)
  }
}

const report = (error: unknown): void => console.error('aplomb: an observer failed:', error)
