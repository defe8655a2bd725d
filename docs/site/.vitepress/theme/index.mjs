import DefaultTheme from 'vitepress/theme-without-fonts'
import { defineAsyncComponent } from 'vue'
import Figures from './Figures.vue'
import Picture from './Picture.vue'
import './style.css'

/** With the packages, which no other page needs; on its own page the load begins at once. */
const apart = (page, load) => {
  if (!import.meta.env.SSR && location.pathname.endsWith(page)) void load()
  return defineAsyncComponent(load)
}

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('Figures', Figures)
    app.component('Picture', Picture)
    app.component(
      'Lab',
      apart('/lab', () => import('./Lab.vue')),
    )
    app.component(
      'Explain',
      apart('/explain', () => import('./Explain.vue')),
    )
  },
}
