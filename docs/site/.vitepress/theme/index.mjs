import DefaultTheme from 'vitepress/theme-without-fonts'
import Figures from './Figures.vue'
import Picture from './Picture.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('Figures', Figures)
    app.component('Picture', Picture)
  },
}
