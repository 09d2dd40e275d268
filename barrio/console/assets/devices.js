// All devices as a table that is filtered here. rows: [name, href, kind, place, points]; standings: a letter each.

const SHAPES = {
  a: "M0,-7.5 L7,5 L-7,5 Z",
  s: "M-5,-5 H5 V5 H-5 Z",
  u: "M0,-6.5 L6.5,0 L0,6.5 L-6.5,0 Z",
  f: "M-4.5,0 A4.5,4.5 0 1,1 4.5,0 A4.5,4.5 0 1,1 -4.5,0 Z",
};
const ORDER = "asuf";
const PAGE = 100;

export default {
  props: { rows: Array, standings: String, texts: Object },
  data() {
    // A link to this page may choose what is shown first.
    const asked = new URLSearchParams(window.location.search);
    return { word: asked.get("filter") || "", only: ORDER.includes(asked.get("state")) ? asked.get("state") : "", most: PAGE };
  },
  computed: {
    found() {
      const word = this.word.toLowerCase();
      const found = this.rows
        .map((row, at) => ({ at, row, standing: this.standings[at] || "f" }))
        .filter((one) => !this.only || one.standing === this.only)
        .filter((one) => !word || one.row.slice(0, 4).join(" ").toLowerCase().includes(word));
      return found.sort((one, other) => ORDER.indexOf(one.standing) - ORDER.indexOf(other.standing) || one.at - other.at);
    },
  },
  watch: {
    word() { this.most = PAGE; },
    only() { this.most = PAGE; },
  },
  methods: {
    shape(letter) { return SHAPES[letter]; },
    more() { this.most += PAGE; },
  },
  template: `
    <div class="devices">
      <div class="filters">
        <label class="field"><span>{{ texts.filter }}</span>
          <input type="search" v-model="word" :placeholder="texts.hint" autocomplete="off" spellcheck="false"></label>
        <label class="field"><span>{{ texts.state }}</span>
          <select v-model="only"><option value="">{{ texts.any }}</option>
            <option v-for="letter in 'asuf'" :key="letter" :value="letter">{{ texts.standings[letter] }}</option></select></label>
        <p class="quiet" role="status">{{ found.length }} / {{ rows.length }}</p>
      </div>
      <table class="table">
        <thead><tr><th scope="col">{{ texts.name }}</th><th scope="col">{{ texts.state }}</th>
          <th scope="col">{{ texts.kind }}</th><th scope="col">{{ texts.place }}</th><th scope="col" class="number">{{ texts.points }}</th></tr></thead>
        <tbody>
          <tr v-for="one in found.slice(0, most)" :key="one.at">
            <th scope="row"><a :href="one.row[1]">{{ one.row[0] }}</a></th>
            <td :data-label="texts.state"><span class="standing" :class="'is-' + one.standing"><svg viewBox="-9 -9 18 18" width="16" height="16"
              aria-hidden="true"><path :d="shape(one.standing)" class="mark"/></svg>{{ texts.standings[one.standing] }}</span></td>
            <td :data-label="texts.kind">{{ one.row[2] }}</td><td :data-label="texts.place">{{ one.row[3] }}</td>
            <td :data-label="texts.points" class="number">{{ one.row[4] }}</td>
          </tr>
        </tbody>
      </table>
      <p v-if="!found.length" class="quiet">{{ texts.none }}</p>
      <button v-if="found.length > most" type="button" class="button" @click="more()">{{ texts.more }}</button>
    </div>`,
};
