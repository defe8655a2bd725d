/** The lab's timelines have a bar for each tenth of a second. */
export const SLICE_MS = 100
