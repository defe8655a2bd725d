import DefaultTheme from 'vitepress/theme'
import { defineAsyncComponent } from 'vue'
import Figures from './Figures.vue'
import Picture from './Picture.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('Figures', Figures)
    // With the packages and the charts, which no other page needs.
    app.component(
      'Lab',
      defineAsyncComponent(() => import('./Lab.vue')),
    )
    app.component(
      'Explain',
      defineAsyncComponent(() => import('./Explain.vue')),
    )
    app.component('Picture', Picture)
  },
}
