/** Answers that another process has heard, and when it had sent their requests, on the `clock`. */
const times = new WeakMap<Response, number>()

/** Of an answer that another process has heard: its request was sent then, later than it was let through here. */
export const setSentAt = (response: Response, at: number): void => void times.set(response, at)

export const sentAtOf = (response: Response): number | undefined => times.get(response)
