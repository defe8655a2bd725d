/** The part of a lease for which its holder acts on it: the way to the engine and back is not known to be short. */
export const LEASE_USED = 0.9
/** The part of a lease that a turn may take, before it is taken for lost; and after which members look while nothing happens. */
export const LATE: number = 1 / 3
/** The same while there is something to do: a leader that was killed is missed this soon. */
export const BEAT: number = 1 / 12
/** When others stop to wait for a leader whose engine is away, in leases: it has stopped leading by then. */
export const AWAY = 1.2
/** So many leases without calls, and a member leaves. */
export const IDLE_LEASES = 10
/** By then a leader has heard of what a member that may send has told: a turn was lost at most, and a push. */
export const HEARD = 2
