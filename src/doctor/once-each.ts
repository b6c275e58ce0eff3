/** Creates a function that calls `ask` once for each subject. Later calls for the subject get the same answer. */
export const onceEach = <Subject, Answer>(
  ask: (subject: Subject) => Promise<Answer>,
): ((subject: Subject) => Promise<Answer>) => {
  const answers = new Map<Subject, Promise<Answer>>();
  return (subject) => {
    const answer = answers.get(subject) ?? ask(subject);
    answers.set(subject, answer);
    return answer;
  };
};
