// Render

export const platforms: readonly string[] = [
  // Witness: render: 404 on a lookup
  'x-render-routing',
]
