// Imperva (Incapsula)

export const suspects: readonly string[] = [
  // On all that passes it, challenge or answer.
  // Witness: imperva: 200 page
  'x-iinfo',
]
