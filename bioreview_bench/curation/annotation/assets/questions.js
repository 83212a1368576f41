// Questions with numbered options, one of them marked as the one that keys answer.

class Questions {
  // Each question is {id, legend, options: [[value, words]]}; `changed` is called after every answer.
  constructor(questions, values, changed) {
    this.questions = questions;
    this.values = { ...values };
    this.hiddenIds = new Set();
    this.changed = changed;
    this.fields = new Map(questions.map((question) => [question.id, this.#field(question)]));
    this.node = make("div", "questions", ...this.fields.values());
    this.activate(this.open()[0] ?? questions[0]?.id);
  }

  #field(question) {
    const field = make("fieldset", "", make("legend", "", question.legend));
    const options = make("div", "options");
    question.options.forEach(([value, words], place) => {
      const input = make("input", "");
      input.type = "radio";
      input.name = question.id;
      input.value = value;
      input.checked = this.values[question.id] === value;
      input.addEventListener("change", () => this.#choose(question.id, value));
      options.append(make("label", "option", input, make("kbd", "", String(place + 1)), make("span", "", words)));
    });
    field.append(options);
    field.addEventListener("focusin", () => this.activate(question.id));
    field.addEventListener("pointerdown", () => this.activate(question.id));
    return field;
  }

  #choose(id, value) {
    this.values[id] = value;
    this.changed();
  }

  hide(id, hidden) {
    this.fields.get(id).hidden = hidden;
    this.hiddenIds[hidden ? "add" : "delete"](id);
  }

  shown() {
    return this.questions.map((question) => question.id).filter((id) => !this.hiddenIds.has(id));
  }

  // Questions that have no answer yet.
  open() {
    return this.shown().filter((id) => this.values[id] === undefined);
  }

  answers() {
    return Object.fromEntries(this.shown().filter((id) => this.values[id]).map((id) => [id, this.values[id]]));
  }

  activate(id) {
    this.active = id;
    for (const [each, field] of this.fields) field.classList.toggle("active", each === id);
  }

  step(steps) {
    const ids = this.shown();
    const place = Math.min(Math.max(ids.indexOf(this.active) + steps, 0), ids.length - 1);
    this.goTo(ids[place]);
  }

  goTo(id) {
    this.activate(id);
    const field = this.fields.get(id);
    const { top, bottom } = field.getBoundingClientRect();
    if (top < 150 || bottom > innerHeight - 90) field.scrollIntoView({ block: "center" });
  }

  pick(place) {
    const question = this.questions.find((each) => each.id === this.active);
    if (!question || place >= question.options.length) return false;
    this.set(question.id, question.options[place][0]);
    this.step(1);
    return true;
  }

  set(id, value) {
    for (const input of this.fields.get(id).querySelectorAll("input")) input.checked = input.value === value;
    this.#choose(id, value);
  }
}
