"""The generic control: ten stock comments, the same for every paper, written for this project."""

GENERIC_CONCERNS = (
    "The number of samples is small, and no power calculation justifies it.",
    "It is unclear which statistical test was used for each comparison and whether multiple testing was corrected for.",
    "Important controls are missing, so the main effect could have another cause.",
    "The conclusions go beyond what the data show and should be stated more cautiously.",
    "The methods are not described in enough detail to repeat the study.",
    "The relation to earlier work should be discussed, and what is new should be stated.",
    "Alternative explanations of the findings are not considered.",
    "The manuscript is hard to follow in places and needs editing for clarity.",
    "An independent experiment or data set should confirm the main finding.",
    "Data and code should be made available, and the limitations of the study discussed.",
)
