// What is read and asked for each kind of item. A form has: reading and asked (nodes), answer(), open() (what is missing,
// in words), questions, and for some mark() and rest().

const CATEGORIES = [
  ["design_flaw", "Design flaw"],
  ["statistical_methodology", "Statistical methodology"],
  ["missing_experiment", "Missing experiment or analysis"],
  ["figure_issue", "Figure issue"],
  ["prior_art_novelty", "Prior art, novelty"],
  ["writing_clarity", "Writing, clarity"],
  ["reagent_method_specificity", "Reagents, details of methods"],
  ["interpretation", "Interpretation"],
  ["other", "Other (data, code, citations)"],
];
const SEVERITIES = [["major", "Major"], ["minor", "Minor"], ["optional", "Optional"]];
const FIDELITY = [
  ["faithful", "Yes: this point, whole"],
  ["partly", "In part: something is missing, added or mixed in"],
  ["wrong", "No: the letter does not raise this point"],
];
const COMPLETE = [["complete", "Yes: nothing is missing"], ["missing", "No: points are missing"]];
const RELATION = [["same", "Same point"], ["related", "Related"], ["different", "Different"]];

function makeForm(item, changed) {
  return { concern: concernForm, letter: letterForm, pairs: pairsForm }[item.kind](item, item.draft ?? {}, changed);
}

function paper(item) {
  const abstract = make("details", "", make("summary", "", "Abstract"), make("p", "", item.abstract || "None."));
  return make("div", "paper", make("h2", "", item.title || "Without a title"), abstract);
}

function concernForm(item, draft, changed) {
  const [concern] = item.references;
  const letter = new Letter(item.letter);
  const spans = concern.start === null ? [] : [{ ...concern, kind: "concern" }];
  letter.show(spans);
  const questions = new Questions(
    [
      { id: "fidelity", legend: "Does the letter raise this concern?", options: FIDELITY },
      { id: "category", legend: "Category", options: CATEGORIES },
      { id: "severity", legend: "Severity", options: SEVERITIES },
    ],
    draft,
    () => {
      showLabels();
      changed();
    },
  );
  function showLabels() {
    for (const id of ["category", "severity"]) questions.hide(id, questions.values.fidelity === "wrong");
  }
  showLabels();
  const place = spans.length ? null : make("p", "note", "These words do not stand in the letter one after the other.");
  return {
    reading: make("div", "", paper(item), letter.node),
    asked: make("div", "", make("h1", "", "A concern"), make("blockquote", "", concern.text), place, questions.node),
    questions,
    answer: () => questions.answers(),
    open: () => questions.open().map((id) => `no ${id} is chosen`),
    start: () => letter.scrollToMark(),
  };
}

function letterForm(item, draft, changed) {
  const letter = new Letter(item.letter);
  let omissions = Array.isArray(draft.omissions) ? [...draft.omissions] : [];
  const list = make("ol", "omissions");
  const written = make("textarea", "");
  written.id = "written";
  written.rows = 2;
  written.maxLength = 5000;
  const questions = new Questions(
    [{ id: "complete", legend: "Is every point of the letter marked?", options: COMPLETE }],
    draft,
    changed,
  );
  function show() {
    const known = item.references.filter((each) => each.start !== null).map((each) => ({ ...each, kind: "concern" }));
    const missing = omissions.filter((each) => each.start !== undefined).map((each) => ({ ...each, kind: "omission" }));
    letter.show([...known, ...missing]);
    list.replaceChildren(
      ...omissions.map((each) => {
        const remove = makeButton("quiet", "Remove", () => keep(omissions.filter((other) => other !== each)));
        return make("li", "", make("span", "", each.text), remove);
      }),
    );
  }
  function keep(now) {
    omissions = now;
    show();
    if (omissions.length) questions.set("complete", "missing");
    else changed();
  }
  function mark() {
    const span = letter.selected();
    if (!span) return "Select a part of the letter first.";
    getSelection().removeAllRanges();
    keep([...omissions, span]);
    return "";
  }
  function write() {
    if (!written.value.trim()) return;
    keep([...omissions, { text: written.value.trim() }]);
    written.value = "";
  }
  show();
  const markButton = makeButton("quiet", "The selected text is a missing point ", () => say(mark()));
  markButton.append(make("kbd", "", "m"));
  markButton.addEventListener("pointerdown", (event) => event.preventDefault()); // the selection stays
  const label = make("label", "", "Or write it in your words");
  label.htmlFor = "written";
  const unplaced = item.references.filter((each) => each.start === null);
  const others = unplaced.length
    ? make("div", "", make("p", "note", "Also among the concerns, in other words than the letter's:"),
        make("ul", "others", ...unplaced.map((each) => make("li", "", each.text))))
    : null;
  const count = item.references.length;
  return {
    reading: make("div", "", paper(item), letter.node),
    asked: make("div", "", make("h1", "", "A letter"),
      make("p", "", `${count} ${count === 1 ? "concern was" : "concerns were"} found in it, marked like `,
        make("mark", "concern", "this"), ". Look for points that the reviewers raise and nothing marks."),
      others, questions.node, markButton, label, written, makeButton("quiet", "Add", write), list),
    questions,
    mark,
    answer: () => ({ ...questions.answers(), omissions: questions.values.complete === "complete" ? [] : omissions }),
    open() {
      if (written.value.trim()) return ["a point is written and not added"];
      if (questions.values.complete === "missing" && !omissions.length) return ["no missing point is marked or written"];
      return questions.open().length ? ["it is not said whether every point is marked"] : [];
    },
    start: () => letter.scrollToMark(),
  };
}

function pairsForm(item, draft, changed) {
  const asked = item.references.map((each) => ({ id: each.concern_id, legend: each.text, options: RELATION }));
  const questions = new Questions(asked, draft.labels ?? {}, changed);
  const rest = () => questions.open().forEach((id) => questions.set(id, "different"));
  const restButton = makeButton("quiet", "All that are open are different ", rest);
  restButton.append(make("kbd", "", "0"));
  return {
    reading: make("div", "still", make("h1", "", "Which of these make the same point as this?"),
      make("blockquote", "", item.text),
      make("p", "note", "Same: an author who answers one has answered the other. Related: about the same experiment, " +
        "claim or passage, but asks for something else."),
      paper(item)),
    asked: make("div", "", questions.node, restButton),
    questions,
    rest,
    answer: () => ({ labels: questions.answers() }),
    open: () => (questions.open().length ? [`${questions.open().length} of ${asked.length} are open`] : []),
    start() {},
  };
}
