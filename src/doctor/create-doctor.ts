import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { examine } from './examine.ts';
import type { DoctorReport } from './report.ts';

export type Doctor = (caller: Caller, options: { write: boolean }) => Promise<DoctorReport>;

/** Checks every destination's set-up against Google, for operators. @throws CourierError `caller-not-allowed` */
export const createDoctor =
  (dependencies: DoctorDependencies): Doctor =>
  async (caller, options) => {
    if (!dependencies.isOperator(caller)) throw new CourierError('caller-not-allowed');
    return examine(dependencies, options);
  };
